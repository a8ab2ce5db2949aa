package itests.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fetches QEMU and the guest, once for all tests: see {@link RequiresVm}. */
final class VmCondition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        var missing = context.getRoot()
                .getStore(ExtensionContext.Namespace.create(VmCondition.class))
                .computeIfAbsent("missing", key -> missing(), String.class);
        if (missing.isEmpty()) {
            return ConditionEvaluationResult.enabled("VMs run here");
        }
        if (!System.getenv().getOrDefault("MDEV_REQUIRE_VM", "").isEmpty()) {
            throw new AssertionError("VM tests must run here, but: " + missing);
        }
        System.out.println("skipped: " + context.getDisplayName() + ": " + missing);
        return ConditionEvaluationResult.disabled(missing);
    }

    /** The scripts' message if no VM can start, else empty. */
    static String missing() {
        try {
            for (var script : new String[] {"cnf/vm/qemu.sh", "cnf/vm/guest.sh"}) {
                var process = new ProcessBuilder(Home.file(script))
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
                var last = "";
                try (var messages = process.errorReader()) {
                    for (var line : (Iterable<String>) messages.lines()::iterator) {
                        System.out.println(line);
                        last = line;
                    }
                }
                if (process.waitFor() != 0) {
                    return last;
                }
            }
            return "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
