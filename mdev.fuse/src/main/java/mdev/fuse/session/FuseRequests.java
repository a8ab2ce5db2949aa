package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.api.sysfs.SysfsLink;
import mdev.fuse.wire.Attributes;
import mdev.fuse.wire.Dirents;
import mdev.fuse.wire.Init;
import mdev.fuse.wire.Opcode;
import mdev.fuse.wire.Reply;
import mdev.fuse.wire.Request;
import mdev.linux.Fd;
import mdev.sync.LimitedLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests of one mount, and the nodes and open files that the kernel knows. Answers all requests without waiting,
 * except reads and writes of attributes, which call a vendor. Used by one thread at a time.
 */
final class FuseRequests {
    private static final Logger log = LoggerFactory.getLogger(FuseRequests.class);

    private static final int LONGEST_NAME = 255;
    private static final int LONGEST_LISTING = 1 << 17;

    /**
     * Two pages. The kernel sends the next part of a longer write only if the previous one was accepted in full; so
     * the first page of a long write is one store, and the write returns that length, as in {@code kernfs_fop_write()}.
     */
    private static final int MAX_WRITE = 2 * SysfsFile.SIZE;

    private static final int O_ACCMODE = 3;
    private static final int READABLE = 0444;
    private static final int WRITABLE = 0222;

    /**
     * {@code FOPEN_DIRECT_IO | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES}: each read calls show again, and writes
     * run in parallel.
     */
    private static final int OPEN_FLAGS = 1 | 1 << 5 | 1 << 6;

    private static final Set<Opcode> NOTICES = EnumSet.of(Opcode.INTERRUPT, Opcode.FORGET, Opcode.BATCH_FORGET);

    /** {@code FATTR_MODE | FATTR_UID | FATTR_GID}. */
    private static final int FATTR_OWNERSHIP = 7;

    private final Sysfs sysfs;
    private final SysfsDirectory root;
    private final Attributes.Owner owner;
    private final Supplier<Ceiling> ceiling;
    private final BooleanSupplier behind;
    private final Channel channel;
    private final Readers readers;
    private final Calls calls;
    private final Poller poller;
    private final LimitedLog refusals = new LimitedLog();
    private final Nodes nodes;
    private final Map<Long, OpenFile> files = new HashMap<>();
    private final Map<Long, OpenDirectory> directories = new HashMap<>();
    private final Reply reply = new Reply(Arena.ofAuto(), LONGEST_LISTING);
    private long lastHandle;

    /** @param behind whether the kernel may still find removed entries */
    FuseRequests(
            Sysfs sysfs,
            Attributes.Owner owner,
            Supplier<Ceiling> ceiling,
            BooleanSupplier behind,
            DentryCache dentries,
            Channel channel,
            Readers readers,
            Poller poller) {
        this.sysfs = sysfs;
        this.root = sysfs.root();
        this.owner = owner;
        this.ceiling = ceiling;
        this.behind = behind;
        this.channel = channel;
        this.readers = readers;
        this.calls = new Calls(channel);
        this.poller = poller;
        this.nodes = new Nodes(root, dentries);
    }

    /** The number of entries that the kernel knows, including the root. */
    int known() {
        return nodes.size();
    }

    /** Called after the last request. */
    void forgetAll() {
        files.values().forEach(poller::released);
        files.clear();
        directories.clear();
        nodes.forgetAll();
    }

    /** @return the call whose result is the answer; {@link Readers.Call#NONE} if the request needs none any more */
    Readers.Call accept(Request request) {
        long unique = request.unique();
        MemorySegment message;
        try {
            Calls.Work work = dispatch(request, reply.clear());
            if (work != null) {
                return call(request, work);
            }
            if (NOTICES.contains(request.opcode())) {
                return Readers.Call.NONE;
            }
            message = reply.answer(unique);
        } catch (ErrnoException e) {
            message = reply.refusal(e.errno().number(), unique);
        } catch (RuntimeException | Error e) {
            log.error("{} failed", request.opcode(), e);
            message = reply.refusal(Errno.EIO.number(), unique);
        }
        channel.answer(message);
        return Readers.Call.NONE;
    }

    /** @return the work that calls a vendor; null for none */
    private Calls.@Nullable Work dispatch(Request request, Reply out) throws ErrnoException {
        switch (request.opcode()) {
            case INIT -> init(Init.of(request), out);
            case LOOKUP -> lookup(request, out);
            case GETATTR -> nodes.get(request.nodeid()).attributes(owner).answer(out);
            case SETATTR -> setattr(request, out);
            case READLINK -> readlink(request, out);
            case OPEN -> open(request, out);
            case OPENDIR -> {
                checkOpenFiles(request);
                directories.put(++lastHandle, new OpenDirectory(nodes.get(request.nodeid())));
                out.u64(lastHandle).u32(0).u32(0);
            }
            case READDIR -> readdir(request, out);
            case READ -> {
                return read(request, out);
            }
            case WRITE -> {
                return write(request);
            }
            case RELEASE -> release(request.u64(0));
            case RELEASEDIR -> directories.remove(request.u64(0));
            case POLL -> Poller.poll(opened(request.u64(0)), root, request, out);
            case STATFS -> // struct fuse_kstatfs: five numbers of blocks and files, bsize, namelen, frsize
                out.zeros(5L * Long.BYTES).u32(SysfsFile.SIZE).u32(LONGEST_NAME).zeros(8L * Integer.BYTES);
            case INTERRUPT -> calls.interrupt(request.u64(0));
            case FORGET -> nodes.forget(request.nodeid(), request.u64(0));
            case BATCH_FORGET -> forget(request);
            case DESTROY -> {}
            // sysfs has no such operations; vfs_create() then fails with EACCES, the others with EPERM.
            case CREATE -> throw new ErrnoException(Errno.EACCES);
            case MKNOD, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME, RENAME2 -> throw new ErrnoException(Errno.EPERM);
            default -> throw new ErrnoException(Errno.ENOSYS);
        }
        return null;
    }

    private static void init(Init asked, Reply out) throws ErrnoException {
        if (!asked.isSupported()) {
            log.error("this kernel speaks FUSE {}.{}: 7.31 (Linux 5.4) is needed", asked.major(), asked.minor());
            throw new ErrnoException(Errno.EPROTO);
        }
        asked.answer(out, MAX_WRITE);
    }

    private void lookup(Request request, Reply out) throws ErrnoException {
        String name = request.name();
        if (name.getBytes(StandardCharsets.UTF_8).length > LONGEST_NAME) {
            throw new ErrnoException(Errno.ENAMETOOLONG);
        }
        Node node = nodes.lookup(request.nodeid(), name);
        node.attributes(owner).entry(out, node.id(), node.isShared() && !behind.getAsBoolean());
    }

    /**
     * {@code struct fuse_setattr_in { uint32_t valid; ... }}: a size comes from O_TRUNC, which an attribute ignores.
     */
    private void setattr(Request request, Reply out) throws ErrnoException {
        Node node = nodes.get(request.nodeid());
        if ((request.u32(0) & FATTR_OWNERSHIP) != 0) {
            throw new ErrnoException(Errno.EPERM);
        }
        node.attributes(owner).answer(out);
    }

    private void readlink(Request request, Reply out) throws ErrnoException {
        if (!(nodes.get(request.nodeid()).in(root) instanceof SysfsLink link)) {
            throw new ErrnoException(Errno.ENOENT);
        }
        out.bytes(link.target().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * {@code struct fuse_open_in { uint32_t flags; ... }}; the modes apply to root too, as in {@code
     * kernfs_fop_open()}.
     */
    private void open(Request request, Reply out) throws ErrnoException {
        Node node = nodes.get(request.nodeid());
        int mode = request.u32(0) & O_ACCMODE;
        boolean readable = mode == Fd.O_WRONLY || (node.permissions() & READABLE) != 0;
        boolean writable = mode == Fd.O_RDONLY || (node.permissions() & WRITABLE) != 0;
        if (!readable || !writable) {
            throw new ErrnoException(Errno.EACCES);
        }
        file(node);
        checkOpenFiles(request);
        OpenFile file = new OpenFile(node);
        files.put(++lastHandle, file);
        poller.opened(file);
        out.u64(lastHandle).u32(OPEN_FLAGS).u32(0);
    }

    private void release(long handle) {
        OpenFile file = files.remove(handle);
        if (file != null) {
            poller.released(file);
        }
    }

    /** The attribute; ENODEV if it was removed while it was open. */
    private SysfsFile file(Node node) throws ErrnoException {
        if (!(node.in(root) instanceof SysfsFile file)) {
            throw new ErrnoException(Errno.ENODEV);
        }
        return file;
    }

    private OpenFile opened(long handle) throws ErrnoException {
        OpenFile file = files.get(handle);
        if (file == null) {
            throw new ErrnoException(Errno.EBADF);
        }
        return file;
    }

    /** {@code struct fuse_read_in { uint64_t fh; uint64_t offset; uint32_t size; ... }}. */
    private Calls.@Nullable Work read(Request request, Reply out) throws ErrnoException {
        OpenFile open = opened(request.u64(0));
        Show show = new Show(open, file(open.node()), request.u64(8), request.u32(16));
        if (open.needsShow(show.offset())) {
            return show;
        }
        show.run(out);
        return null;
    }

    private void checkOpenFiles(Request request) throws ErrnoException {
        int most = ceiling.get().files();
        if (!Ceiling.admits(request, owner, files.size() + directories.size(), most)) {
            throw refused(request, Errno.ENFILE, "mdev.fuse.maxOpenFiles");
        }
    }

    private Readers.Call call(Request request, Calls.Work work) throws ErrnoException {
        if (!Ceiling.admits(request, owner, calls.running(), ceiling.get().calls())) {
            throw refused(request, Errno.EAGAIN, "mdev.fuse.maxCalls");
        }
        readers.prepareCall();
        return calls.begin(request.unique(), caller(request), work);
    }

    private ErrnoException refused(Request request, Errno errno, String ceiling) {
        refusals.log(more -> log.warn("{} of user {} refused: {}{}", request.opcode(), request.uid(), ceiling, more));
        return new ErrnoException(errno, ceiling);
    }

    private static CallingThread caller(Request request) {
        return new CallingThread(request.pid());
    }

    /**
     * {@code struct fuse_write_in { uint64_t fh; uint64_t offset; uint32_t size; ... }} of 40 bytes, followed by the
     * data; an attribute ignores the offset.
     */
    private Store write(Request request) throws ErrnoException {
        OpenFile open = opened(request.u64(0));
        return new Store(sysfs, file(open.node()), request.bytes(40, request.u32(16)), caller(request));
    }

    /** As {@link #read}. */
    private void readdir(Request request, Reply out) throws ErrnoException {
        OpenDirectory directory = directories.get(request.u64(0));
        if (directory == null) {
            throw new ErrnoException(Errno.EBADF);
        }
        int room = Math.min(request.u32(16), LONGEST_LISTING);
        directory.read(root, request.u64(8), new Dirents(out, room));
    }

    /**
     * {@code struct fuse_batch_forget_in { uint32_t count, dummy; }} followed by {@code count} times {@code { uint64_t
     * nodeid, nlookup; }}.
     */
    private void forget(Request request) {
        int count = request.u32(0);
        for (int i = 0; i < count; i++) {
            nodes.forget(request.u64(8 + 16L * i), request.u64(16 + 16L * i));
        }
    }
}
