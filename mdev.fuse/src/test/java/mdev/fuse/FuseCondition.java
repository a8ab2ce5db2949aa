package mdev.fuse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import mdev.fuse.mount.MountException;
import mdev.fuse.mount.MountPoint;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Tries to mount once for all tests, see {@link RequiresFuse}. */
final class FuseCondition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        String missing = context.getRoot()
                .getStore(ExtensionContext.Namespace.create(FuseCondition.class))
                .computeIfAbsent("missing", key -> missing(), String.class);
        if (missing.isEmpty()) {
            return ConditionEvaluationResult.enabled("FUSE is here");
        }
        if (!System.getenv().getOrDefault("MDEV_REQUIRE_FUSE", "").isEmpty()) {
            throw new AssertionError("FUSE tests must run here, but: " + missing);
        }
        System.out.println("skipped: " + context.getDisplayName() + ": " + missing);
        return ConditionEvaluationResult.disabled(missing);
    }

    private static String missing() {
        try {
            Path directory = Files.createTempDirectory("mdev-fuse");
            try {
                int uid = (Integer) Files.getAttribute(directory, "unix:uid");
                MountPoint.Mounted mounted = MountPoint.mount(directory, uid, uid, Duration.ZERO);
                mounted.fd().close();
                mounted.point().unmount(() -> false);
                return "";
            } catch (MountException e) {
                return String.valueOf(e.getMessage());
            } finally {
                Files.deleteIfExists(directory);
            }
        } catch (IOException e) {
            return e.toString();
        }
    }
}
