package itests.bench;

/**
 * How much is measured.
 *
 * @param small only as much as shows that it works
 */
record Effort(boolean small) {
    /** The number of rounds that count. */
    int rounds() {
        return of(9, 1);
    }

    /** The number of rounds before them, for the compiler. */
    int warmUp() {
        return of(4, 0);
    }

    /** The length of one side of a round. */
    int millis() {
        return of(250, 20);
    }

    int of(int usual, int little) {
        return small ? little : usual;
    }
}
