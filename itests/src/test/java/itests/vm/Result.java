package itests.vm;

/**
 * What a command came to.
 *
 * @param status its exit status; 137 if it was killed, for example because its time was over
 * @param output what it printed, errors included
 */
public record Result(int status, String output) {
    /**
     * The output without the line end that closes it.
     *
     * @throws AssertionError if the command failed
     */
    public String ok() {
        if (status != 0) {
            throw new AssertionError("exit status " + status + ": " + output);
        }
        return output.stripTrailing();
    }
}
