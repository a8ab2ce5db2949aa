package itests.vm;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder that was checked out. */
final class Home {
    private Home() {}

    /** The file {@code name} in it, wherever below it the tests were started. */
    static String file(String name) {
        for (var dir = Path.of("").toAbsolutePath(); dir != null; dir = dir.getParent()) {
            if (Files.isExecutable(dir.resolve("mvnw"))) {
                return dir.resolve(name).toString();
            }
        }
        throw new IllegalStateException("the tests run outside of the project");
    }
}
