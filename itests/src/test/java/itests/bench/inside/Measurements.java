package itests.bench.inside;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;
import org.jspecify.annotations.Nullable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;

/**
 * Commands that measure inside the platform what cannot be measured outside, and print numbers. Times are in seconds.
 */
@Component
public final class Measurements implements ShellCommands {
    private static final double SECOND = 1e9;
    private static final int BLOCK = 2000;
    private static final int BLOCKS = 7;
    private static final int COLLECTIONS = 4;

    /** The warm-up rounds for the compiler, which recompiles when many devices lead to other branches. */
    private static final int WARM_UP = 5;

    private final Sysfs sysfs;
    private final CommandProcessor gogo;
    private long next;

    @Activate
    public Measurements(@Reference Sysfs sysfs, @Reference CommandProcessor gogo) {
        this.sysfs = sysfs;
        this.gogo = gogo;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(
                new ShellCommand(
                        "bench",
                        "devices",
                        "creates and removes with none and with many devices present, in turn",
                        List.of(Parameter.one("devices", ShellCommand.Candidates.NONE), rounds()),
                        List.of(),
                        this::devices),
                new ShellCommand(
                        "bench",
                        "install",
                        "loads and unloads vendor.mtty",
                        List.of(rounds()),
                        List.of(),
                        this::install));
    }

    private static Parameter rounds() {
        return Parameter.one("rounds", ShellCommand.Candidates.NONE);
    }

    private ShellResult devices(ShellInvocation invocation) throws ErrnoException {
        int devices = Integer.parseInt(invocation.arguments().get(0));
        int rounds = Integer.parseInt(invocation.arguments().get(1));
        List<Double> few = new ArrayList<>();
        List<Double> many = new ArrayList<>();
        List<Double> bytes = new ArrayList<>();
        for (int round = -WARM_UP; round < rounds; round++) {
            heap(); // both rates begin with a freshly collected heap
            double without = rate();
            long before = heap();
            List<String> present = new ArrayList<>();
            for (int i = 0; i < devices; i++) {
                present.add(create());
            }
            double each = (double) (heap() - before) / devices;
            double with = rate();
            for (String uuid : present) {
                remove(uuid);
            }
            if (round >= 0) {
                few.add(without);
                many.add(with);
                bytes.add(each);
            }
        }
        SequencedMap<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("few", few);
        answer.put("many", many);
        answer.put("bytes", bytes);
        return new ShellResult.Details(answer);
    }

    /**
     * Pairs of a create and a remove per second: the median of several blocks, which is robust against short
     * disturbances.
     */
    private double rate() throws ErrnoException {
        List<Double> rates = new ArrayList<>();
        for (int block = 0; block < BLOCKS; block++) {
            long start = System.nanoTime();
            for (int i = 0; i < BLOCK; i++) {
                remove(create());
            }
            rates.add(BLOCK * SECOND / (System.nanoTime() - start));
        }
        Collections.sort(rates);
        return rates.get(BLOCKS / 2);
    }

    private String create() throws ErrnoException {
        String uuid = new UUID(0xbe9c, next++).toString();
        write(ManyDevices.TYPE + "/create", uuid);
        return uuid;
    }

    private void remove(String uuid) throws ErrnoException {
        write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
    }

    private void write(String path, String value) throws ErrnoException {
        if (!(sysfs.lookup(path, true) instanceof SysfsFile file)) {
            throw new ErrnoException(Errno.EISDIR, path + " is not a file");
        }
        file.write(value.getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * The referenced memory: a second full collection may be needed to free objects released by finalizers and
     * cleaners.
     */
    private static long heap() {
        Runtime runtime = Runtime.getRuntime();
        long used = Long.MAX_VALUE;
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
            used = Math.min(used, runtime.totalMemory() - runtime.freeMemory());
        }
        return used;
    }

    private ShellResult install(ShellInvocation invocation) throws ErrnoException {
        int rounds = Integer.parseInt(invocation.arguments().getFirst());
        List<Double> times = new ArrayList<>();
        try (PrintStream out = new PrintStream(OutputStream.nullOutputStream());
                CommandSession session = gogo.createSession(InputStream.nullInputStream(), out, out)) {
            for (int round = 0; round < rounds; round++) {
                long start = System.nanoTime();
                session.execute("mdev:modprobe vendor.mtty");
                sysfs.lookup("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create", true);
                times.add((System.nanoTime() - start) / SECOND);
                session.execute("mdev:rmmod vendor.mtty");
            }
        } catch (ErrnoException e) {
            throw e;
        } catch (Exception e) {
            throw new ErrnoException(Errno.EIO, String.valueOf(e.getMessage()));
        }
        SequencedMap<String, @Nullable Object> answer = new LinkedHashMap<>();
        answer.put("seconds", times);
        return new ShellResult.Details(answer);
    }
}
