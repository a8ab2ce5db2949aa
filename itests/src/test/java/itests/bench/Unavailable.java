package itests.bench;

/** This machine lacks what a measurement needs; the message says what. */
final class Unavailable extends Exception {
    private static final long serialVersionUID = 1;

    Unavailable(String reason) {
        super(reason);
    }
}
