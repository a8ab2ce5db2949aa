package itests.bench;

import java.io.IOException;

/** Rows of the report that belong together. */
interface Subject {
    /** As in {@code -Dbench=NAME}. */
    String name();

    /** Adds its rows; what fails or is not available here is a row too. */
    void measure(Report report, Effort effort) throws IOException, InterruptedException;
}
