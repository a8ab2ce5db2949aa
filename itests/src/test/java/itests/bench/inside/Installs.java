package itests.bench.inside;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.apache.felix.service.command.CommandProcessor;
import org.apache.felix.service.command.CommandSession;

/** Loads and unloads {@code vendor.mtty}, until its types can be found. */
record Installs(CommandProcessor gogo, Tree tree) implements Measurement {
    /** @param arguments rounds */
    @Override
    public Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException {
        List<Double> nanos = new ArrayList<>();
        try (PrintStream out = new PrintStream(OutputStream.nullOutputStream());
                CommandSession session = gogo.createSession(InputStream.nullInputStream(), out, out)) {
            for (int round = 0; round < arguments.getFirst(); round++) {
                long start = System.nanoTime();
                session.execute("mdev:modprobe vendor.mtty");
                tree.file("/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/create");
                nanos.add((double) System.nanoTime() - start);
                session.execute("mdev:rmmod vendor.mtty");
            }
        } catch (ErrnoException e) {
            throw e;
        } catch (Exception e) {
            throw new ErrnoException(Errno.EIO, String.valueOf(e.getMessage()));
        }
        return Map.of("nanos", nanos);
    }
}
