package vendor.gpusim.shell;

import java.util.List;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import vendor.gpusim.gpu.Vgpus;

/** The commands {@code gpu:*}. */
@Component
public final class GpuCommands implements ShellCommands {
    private final Vgpus vgpus;

    @Activate
    public GpuCommands(@Reference Vgpus vgpus) {
        this.vgpus = vgpus;
    }

    @Override
    public List<ShellCommand> commands() {
        Parameter uuid = Parameter.one("uuid", (words, prefix) -> vgpus.names());
        return List.of(
                ShellCommand.of(
                        "gpu",
                        "screenshot",
                        "writes the screen of a vGPU to a PNG file",
                        new ScreenshotCommand(vgpus),
                        uuid,
                        Parameter.one("file", ShellCommand.Candidates.NONE)),
                ShellCommand.of(
                        "gpu",
                        "watch",
                        "shows a vGPU's screen and its changes on this terminal, until Ctrl-C or its user is gone",
                        new WatchCommand(vgpus),
                        uuid));
    }
}
