package vfio.user.conformance;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioPci;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.MemFd;
import vfio.mdev.OpenedDevice;

/** A user of a {@link TallyDriver}'s device, with a page of memory and an interrupt. */
sealed interface TallyUser extends AutoCloseable {
    /** @throws ErrnoException ENODEV: the device has been removed */
    long read(int region) throws ErrnoException;

    void add(long value) throws ErrnoException;

    /** A number in the page of the user. */
    long page(int index) throws ErrnoException;

    /** The interrupts so far. */
    long interrupts();

    @Override
    void close();

    /** A user in this process. */
    record Local(OpenedDevice opened, MemorySegment memory, AtomicLong received, MemorySegment buffer)
            implements TallyUser {
        static Local open(Vfio vfio, int group, UUID device) throws ErrnoException {
            OpenedDevice opened = OpenedDevice.open(vfio, group, device.toString(), "model"); // closed in close()
            // Not freed with the user: in an update the device is released, and the memory unmapped, later.
            MemorySegment memory = Arena.ofAuto().allocate(TallyDriver.PAGE, TallyDriver.PAGE);
            AtomicLong received = new AtomicLong();
            try {
                opened.container()
                        .ioctl(new MapDma(
                                MapDma.READ | MapDma.WRITE,
                                new UserMemory.Local(memory),
                                TallyDriver.IOVA,
                                TallyDriver.PAGE));
                opened.device().ioctl(SetIrqs.arm(VfioPci.MSI_IRQ, 0, received::incrementAndGet));
            } catch (ErrnoException e) {
                opened.close();
                throw e;
            }
            return new Local(opened, memory, received, MemorySegment.ofArray(new byte[Long.BYTES]));
        }

        @Override
        public long read(int region) throws ErrnoException {
            opened.device().read(region, 0, buffer, 0, Long.BYTES);
            return buffer.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
        }

        @Override
        public void add(long value) throws ErrnoException {
            buffer.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
            opened.device().write(TallyDriver.SUM, 0, buffer, 0, Long.BYTES);
        }

        @Override
        public long page(int index) {
            return memory.getAtIndex(ValueLayout.JAVA_LONG, index);
        }

        @Override
        public long interrupts() {
            return received.get();
        }

        @Override
        public void close() {
            opened.close();
        }
    }

    /** A user on the device's socket. */
    record Remote(Client client, Fd memory, EventFd event, AtomicLong received) implements TallyUser {
        static Remote open(Path socket) throws ErrnoException {
            try {
                Client client = Client.connect(socket); // closed in close(), as are the next two
                Fd memory = MemFd.create("tally", TallyDriver.PAGE);
                Remote user = new Remote(client, memory, EventFd.create(), new AtomicLong());
                try {
                    user.ask(Commands.VERSION, Requests.version(0, 1, "{}"));
                    user.ask(
                            Commands.DMA_MAP, Requests.map(Requests.RW, 0, TallyDriver.IOVA, TallyDriver.PAGE), memory);
                    user.ask(
                            Commands.SET_IRQS,
                            Requests.setIrqs(Requests.EVENTFD | Requests.TRIGGER, VfioPci.MSI_IRQ, 0, 1),
                            user.event.fd());
                } catch (ErrnoException e) {
                    user.close();
                    throw e;
                }
                return user;
            } catch (LinuxException e) {
                throw new ErrnoException(Errno.of(e.errno()), e.toString());
            }
        }

        private Message ask(int command, Payload payload, Fd... fds) throws ErrnoException {
            Message answer;
            try {
                answer = client.call(command, payload, fds).closeFds();
            } catch (LinuxException | Client.EndException e) {
                throw new ErrnoException(Errno.ENODEV, e.toString()); // the removal ends the connection
            }
            if ((answer.flags() & Message.ERROR) != 0) {
                throw new ErrnoException(Errno.of(answer.errno()), "command " + command);
            }
            return answer;
        }

        @Override
        public long read(int region) throws ErrnoException {
            return ask(Commands.REGION_READ, Requests.read(region, 0, Long.BYTES))
                    .u64(16);
        }

        @Override
        public void add(long value) throws ErrnoException {
            byte[] bytes = ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array();
            ask(Commands.REGION_WRITE, Requests.write(TallyDriver.SUM, 0, bytes));
        }

        @Override
        public long page(int index) throws ErrnoException {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment to = arena.allocate(Long.BYTES, Long.BYTES);
                memory.pread((long) index * Long.BYTES, to, 0, Long.BYTES);
                return to.get(ValueLayout.JAVA_LONG, 0);
            } catch (LinuxException e) {
                throw new ErrnoException(Errno.of(e.errno()), e.toString());
            }
        }

        @Override
        public long interrupts() {
            return received.addAndGet(event.read());
        }

        @Override
        public void close() {
            client.close();
            memory.close();
            event.close();
        }
    }
}
