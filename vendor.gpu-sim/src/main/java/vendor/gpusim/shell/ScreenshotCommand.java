package vendor.gpusim.shell;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import vendor.gpusim.display.Picture;
import vendor.gpusim.display.Png;
import vendor.gpusim.gpu.Vgpus;

/** {@code gpu:screenshot}. */
record ScreenshotCommand(Vgpus vgpus) implements ShellCommand.Action {
    @Override
    public ShellResult run(ShellInvocation invocation) throws ErrnoException {
        String uuid = invocation.arguments().get(0);
        Picture picture = vgpus.find(uuid)
                .picture()
                .orElseThrow(() -> new ErrnoException(Errno.ENODEV, "the display of vGPU " + uuid + " is off"));
        String file = invocation.arguments().get(1);
        try (var out = new BufferedOutputStream(
                Files.newOutputStream(invocation.directory().resolve(file)))) {
            Png.write(picture, out);
        } catch (IOException | InvalidPathException e) {
            throw new ErrnoException(Errno.EIO, "'" + file + "' cannot be written: " + e);
        }
        return ShellResult.DONE;
    }
}
