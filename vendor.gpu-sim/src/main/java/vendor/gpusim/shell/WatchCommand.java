package vendor.gpusim.shell;

import java.io.PrintStream;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import vendor.gpusim.display.HalfBlocks;
import vendor.gpusim.gpu.Vgpu;
import vendor.gpusim.gpu.Vgpus;

/** {@code gpu:watch}. */
record WatchCommand(Vgpus vgpus) implements ShellCommand.Action {
    private static final long LOOK_MILLIS = 100;
    private static final String CLEAR_BELOW = "\033[J";
    private static final String OFF = "The display is off." + HalfBlocks.END_OF_LINE;
    private static final String HOME = "\033[H";

    @Override
    public ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        Vgpu vgpu = vgpus.find(invocation.arguments().getFirst());
        PrintStream out = invocation.out();
        String before = "";
        while (!out.checkError()) {
            // The last row is reserved for the prompt.
            var size = invocation.size();
            String now;
            try {
                now = vgpu.picture()
                        .map(picture -> HalfBlocks.of(picture, size.columns(), size.rows() - 1))
                        .orElse(OFF);
            } catch (ErrnoException e) {
                if (before.isEmpty()) {
                    throw e;
                }
                return ShellResult.DONE; // the user has closed the device
            }
            if (!now.equals(before)) {
                out.print(HOME + now + CLEAR_BELOW);
                out.flush();
                before = now;
            }
            Thread.sleep(LOOK_MILLIS);
        }
        return ShellResult.DONE;
    }
}
