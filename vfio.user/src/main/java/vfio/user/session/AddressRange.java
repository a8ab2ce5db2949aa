package vfio.user.session;

/** A range of unsigned addresses, both inclusive. */
record AddressRange(long first, long last) {
    static final AddressRange ALL = new AddressRange(0, -1);

    boolean has(long address) {
        return Long.compareUnsigned(address, first) >= 0 && Long.compareUnsigned(address, last) <= 0;
    }
}
