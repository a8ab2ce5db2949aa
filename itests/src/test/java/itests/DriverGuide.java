package itests;

import aQute.bnd.osgi.Builder;
import aQute.bnd.osgi.Jar;
import java.io.File;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** Builds the driver of docs/writing-a-vendor-driver.md from the page alone. */
final class DriverGuide {
    private static final Path PAGE = Path.of("..", "docs", "writing-a-vendor-driver.md");
    private static final int PROMISED_LINES = 80;

    private DriverGuide() {}

    /** @return the bundle's jar */
    static Path build() throws Exception {
        String page = Files.readString(PAGE);
        String source = block(page, "java");
        if (source.lines().count() >= PROMISED_LINES) {
            throw new AssertionError("the page promises less than " + PROMISED_LINES + " lines");
        }
        Path work = RunDirectory.create();
        Path file = Files.writeString(work.resolve("Counter.java"), source);
        Path classes = Files.createDirectory(work.resolve("classes"));
        String classPath = System.getProperty("java.class.path");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int status = compiler.run(
                null, null, System.err, "-proc:none", "-cp", classPath, "-d", classes.toString(), file.toString());
        if (status != 0) {
            throw new AssertionError("the page's driver does not compile");
        }
        try (Builder builder = new Builder()) {
            Properties instructions = new Properties();
            instructions.load(new StringReader(block(page, "properties")));
            builder.setProperties(instructions);
            builder.setJar(new Jar(classes.toFile()));
            builder.setClasspath(Stream.of(classPath.split(File.pathSeparator))
                    .map(File::new)
                    .filter(File::isFile)
                    .toArray(File[]::new));
            builder.setProperty("Import-Package", "!org.jspecify.annotations, *");
            Jar bundle = builder.build();
            if (!builder.getErrors().isEmpty()) {
                throw new AssertionError("bnd: " + List.copyOf(builder.getErrors()));
            }
            Path jar = work.resolve("vendor.counter.jar");
            bundle.write(jar.toFile());
            return jar;
        }
    }

    private static String block(String page, String language) {
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(page);
        if (!block.find()) {
            throw new AssertionError("the page has no " + language + " block");
        }
        return block.group(1);
    }
}
