package itests;

import static java.util.stream.Collectors.joining;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Follows docs/writing-a-vendor-driver.md as a reader does: in a separate directory outside the tree, with only the
 * files that the page shows.
 *
 * @param project the reader's directory
 */
record DriverGuide(Path project) {
    private static final Path TREE = Path.of("..").toAbsolutePath().normalize();
    private static final Path PAGE = TREE.resolve("docs/writing-a-vendor-driver.md");
    private static final int PROMISED_LINES = 100;
    private static final int PROMISED_EDU_LINES = 200;
    private static final String COMMAND = "$ ";
    private static final String BACKGROUND = " &";

    /** The text between two fences, and the last line before them, which names the file: {@code `pom.xml`:}. */
    private static final Pattern BLOCK = Pattern.compile("([^\n]*)\n\n```(\\w+)\n(.*?)```", Pattern.DOTALL);

    private static final Pattern FILE = Pattern.compile("`([\\w./-]+)`[^`]*:$");

    private record Block(String before, String language, String text) {
        boolean isConsole() {
            return language.equals("console");
        }

        String file() {
            var name = FILE.matcher(before);
            if (!name.find()) {
                throw new AssertionError("no line names the file of this block:\n" + text);
            }
            return name.group(1);
        }
    }

    /**
     * A command and the lines that the page shows as its output; a line that ends in "..." is the beginning of an
     * output line.
     */
    private record Step(String command, List<String> shown) {
        boolean isShownBy(String output) {
            List<String> lines = output.lines().map(Step::squeeze).toList();
            return shown.stream()
                    .allMatch(line -> lines.stream()
                            .anyMatch(
                                    line.endsWith("...")
                                            ? actual -> actual.startsWith(line.substring(0, line.length() - 3))
                                            : squeeze(line)::equals));
        }

        private static String squeeze(String line) {
            return line.strip().replaceAll(" +", " ");
        }
    }

    /** @return the jar of the page's driver */
    static Path follow() throws Exception {
        Path home = RunDirectory.create();
        Files.createSymbolicLink(home.resolve("mdev"), TREE);
        var guide = new DriverGuide(Files.createDirectory(home.resolve("counter")));
        List<Block> blocks = BLOCK.matcher(Files.readString(PAGE))
                .results()
                .map(block -> new Block(block.group(1), block.group(2), block.group(3)))
                .toList();
        for (Block block : blocks) {
            if (!block.isConsole()) {
                guide.add(block);
            }
        }
        guide.requirePromises();
        guide.run(blocks.stream().filter(Block::isConsole).map(Block::text).collect(joining()));
        return guide.project.resolve("target/vendor.counter-1.0.0.jar");
    }

    /** A file of the reader, or an excerpt from a file of this tree. */
    private void add(Block block) throws IOException {
        Path ours = TREE.resolve(block.file());
        if (Files.exists(ours) && block.file().contains("vendor.edu/")) {
            if (!unindented(Files.readString(ours)).contains(unindented(block.text))) {
                throw new AssertionError("not an excerpt from " + block.file() + ":\n" + block.text);
            }
            return;
        }
        Path file = project.resolve(block.file());
        Files.createDirectories(file.getParent());
        Files.writeString(file, block.text);
    }

    private static String unindented(String text) {
        return text.lines().map(String::strip).collect(joining("\n", "", "\n"));
    }

    private void requirePromises() throws IOException {
        long lines = Files.readAllLines(project.resolve("src/main/java/vendor/counter/Counter.java"))
                .size();
        requireLess(lines, PROMISED_LINES, "the driver");
        long code = 0;
        try (var sources = Files.list(TREE.resolve("vendor.edu/src/main/java/vendor/edu"))) {
            for (Path source : sources.toList()) {
                code += Files.readAllLines(source).stream()
                        .filter(line -> !line.matches("\\s*(|(import|package|//|/?\\*|@\\w+(\\(.*)?$).*)"))
                        .count();
            }
        }
        requireLess(code, PROMISED_EDU_LINES, "vendor.edu");
    }

    private static void requireLess(long lines, int promised, String what) {
        if (lines >= promised) {
            throw new AssertionError(what + " has " + lines + " lines; the page promises less than " + promised);
        }
    }

    private void run(String console) throws Exception {
        List<Step> steps = new ArrayList<>();
        console.lines().forEach(line -> {
            if (line.startsWith(COMMAND)) {
                steps.add(new Step(line.substring(COMMAND.length()), new ArrayList<>()));
            } else {
                steps.getLast().shown.add(line);
            }
        });
        List<Process> background = new ArrayList<>();
        try {
            for (int i = 0; i < steps.size(); i++) {
                run(steps.get(i), project.resolve("output." + i), background);
            }
        } finally {
            for (Process process : background) {
                process.destroy();
                Mdev.end(process);
            }
        }
    }

    private void run(Step step, Path output, List<Process> background) throws Exception {
        boolean stays = step.command.endsWith(BACKGROUND);
        String command = stays ? "exec " + step.command.replace(BACKGROUND, "") : step.command;
        Process process = process(command, output);
        if (stays) {
            background.add(process);
            Wait.until(
                    step.shown + " is shown by " + command,
                    () -> step.isShownBy(Files.readString(output)) || !process.isAlive());
        } else if (Mdev.end(process) != 0) {
            throw new AssertionError(command + " failed:\n" + Files.readString(output));
        }
        if (!step.isShownBy(Files.readString(output))) {
            throw new AssertionError(command + " does not show " + step.shown + ":\n" + Files.readString(output));
        }
    }

    /** Uses a separate local repository, which takes downloaded artifacts from the machine's repository. */
    private Process process(String command, Path output) throws IOException {
        String user = System.getProperty("user.home") + "/.m2";
        var builder = new ProcessBuilder("bash", "-c", command)
                .directory(project.toFile())
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        Map<String, String> environment = builder.environment();
        environment.put("HOME", project.getParent().toString());
        environment.putIfAbsent("MAVEN_USER_HOME", user);
        environment.put(
                "MAVEN_ARGS",
                "-Dmaven.repo.local=" + project.resolveSibling("repository") + " -Dmaven.repo.local.tail="
                        + System.getProperty("localRepository", user + "/repository"));
        return builder.start();
    }
}
