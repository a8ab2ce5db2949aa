package itests.vm;

/**
 * The result of a command.
 *
 * @param status its exit status; 137 if it was killed, for example on timeout
 * @param output its output, including errors
 */
public record Result(int status, String output) {
    /**
     * The output without its final line end.
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
