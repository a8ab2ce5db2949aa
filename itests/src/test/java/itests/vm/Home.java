package itests.vm;

import java.nio.file.Files;
import java.nio.file.Path;

/** The root of the checkout. */
final class Home {
    private Home() {}

    /** The file {@code name} in it, regardless of the subfolder in which the tests were started. */
    static String file(String name) {
        for (var dir = Path.of("").toAbsolutePath(); dir != null; dir = dir.getParent()) {
            if (Files.isExecutable(dir.resolve("mvnw"))) {
                return dir.resolve(name).toString();
            }
        }
        throw new IllegalStateException("the tests run outside of the project");
    }
}
