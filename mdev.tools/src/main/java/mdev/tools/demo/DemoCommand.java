package mdev.tools.demo;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.Sysfs;
import mdev.api.vfio.Vfio;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/** {@code mdev:demo}. */
@Component
public final class DemoCommand implements ShellCommands {
    private static final String LIVE = "live";

    private final BundleContext context;
    private final Sysfs sysfs;
    private final Vfio vfio;

    @Activate
    public DemoCommand(BundleContext context, @Reference Sysfs sysfs, @Reference Vfio vfio) {
        this.context = context;
        this.sysfs = sysfs;
        this.vfio = vfio;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                "mdev",
                "demo",
                "performs the walk-through of the kernel's mtty sample, or a live update, and checks each step",
                this::demo,
                ShellCommand.Parameter.optional(LIVE, (_, _) -> List.of(LIVE))));
    }

    private ShellResult demo(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> words = invocation.arguments();
        if (!words.isEmpty() && !words.getFirst().equals(LIVE)) {
            throw new ErrnoException(Errno.EINVAL, "no demo '" + words.getFirst() + "': '" + LIVE + "', or none");
        }
        Demo.checkUnloaded(context);
        Transcript transcript = new Transcript(invocation);
        if (words.isEmpty()) {
            invocation.out().println("The kernel document's \"Using the Sample Code\", on this platform");
            new Demo(context, sysfs, vfio, transcript).perform();
        } else {
            invocation.out().println("A driver is updated while a program uses its device");
            new LiveDemo(context, vfio, transcript).perform();
        }
        if (transcript.failed() > 0) {
            throw new ErrnoException(Errno.EIO, transcript.failed() + " of " + transcript.steps() + " steps failed");
        }
        return new ShellResult.Text("\nAll " + transcript.steps() + " steps held.\n");
    }
}
