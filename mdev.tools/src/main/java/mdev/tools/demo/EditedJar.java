package mdev.tools.demo;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.instruction.ConstantInstruction.LoadConstantInstruction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Optional;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** A copy of a driver's jar, as its author would build it after replacing a text in the source. */
record EditedJar(String before, String after) {
    /** @throws ErrnoException ENOENT: no class of the jar has the text; EIO: the jar cannot be copied */
    void copy(Path from, Path to) throws ErrnoException {
        boolean edited = false;
        try (JarFile jar = new JarFile(from.toFile());
                JarOutputStream copy = new JarOutputStream(Files.newOutputStream(to))) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                byte[] content = jar.getInputStream(entry).readAllBytes();
                Optional<byte[]> changed = entry.getName().endsWith(".class") ? edited(content) : Optional.empty();
                edited |= changed.isPresent();
                copy.putNextEntry(new JarEntry(entry.getName()));
                copy.write(changed.orElse(content));
            }
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, from + " cannot be copied: " + e);
        }
        if (!edited) {
            throw new ErrnoException(Errno.ENOENT, "no class in " + from + " has the text '" + before + "'");
        }
    }

    /** Empty if the class does not have the text. */
    private Optional<byte[]> edited(byte[] content) {
        boolean[] found = {false};
        ClassFile files = ClassFile.of();
        ClassTransform edit = ClassTransform.transformingMethodBodies((code, element) -> {
            if (element instanceof LoadConstantInstruction load
                    && load.constantValue().equals(before)) {
                code.loadConstant(after);
                found[0] = true;
            } else {
                code.with(element);
            }
        });
        byte[] changed = files.transformClass(files.parse(content), edit);
        return found[0] ? Optional.of(changed) : Optional.empty();
    }
}
