package mdev.core;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The log of this test run, in the file that the root POM configures. */
public final class SurefireLog {
    private SurefireLog() {}

    /** The log lines that contain the text. */
    public static List<String> lines(String text) {
        String file = System.getProperty("org.slf4j.simpleLogger.logFile");
        if (file == null) {
            throw new AssertionError("run it with -Dorg.slf4j.simpleLogger.logFile=FILE, as Maven does");
        }
        try {
            return Files.readAllLines(Path.of(file)).stream()
                    .filter(line -> line.contains(text))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
