package mdev.pci;

import static mdev.api.vfio.VfioPci.INTX_IRQ;
import static mdev.api.vfio.VfioPci.MSIX_IRQ;
import static mdev.api.vfio.VfioPci.MSI_IRQ;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import mdev.pci.Capability.Msi;
import mdev.pci.Capability.MsiX;
import mdev.pci.Interrupts.Source;
import mdev.pci.PciFunction.Pin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A source with a vector goes out by what the guest has enabled: every combination (PCI Local Bus 3.0, 6.8). */
class InterruptKindsTest {
    private static final int VECTORS = 8;

    /** What the function declares and the guest has set; -1 for MSI that is off, else log2 of the enabled vectors. */
    record Setting(
            boolean pin,
            boolean disabled,
            boolean hasMsi,
            int msi,
            boolean hasMsix,
            boolean msix,
            boolean master,
            boolean masked) {
        boolean messages() {
            return msi >= 0 || msix;
        }

        int index() {
            return msi >= 0 ? MSI_IRQ : MSIX_IRQ;
        }

        int sent(int vector) {
            return msi >= 0 ? vector % (1 << msi) : vector;
        }

        /** Whether a message is sent at once. */
        boolean open() {
            return messages() && master && !masked;
        }

        boolean line() {
            return !messages() && pin && !disabled;
        }
    }

    static Stream<Setting> settings() {
        List<Setting> all = new ArrayList<>();
        for (int bits = 0; bits < 64; bits++) {
            for (int msi = -1; msi <= 3; msi++) {
                var one = new Setting(
                        (bits & 1) != 0,
                        (bits & 2) != 0,
                        msi >= 0 || (bits & 16) != 0,
                        msi,
                        (bits & 4) != 0 || (bits & 16) != 0,
                        (bits & 4) != 0,
                        (bits & 8) != 0,
                        (bits & 32) != 0);
                if (!(one.msix && one.msi >= 0)) { // a guest must not enable both
                    all.add(one);
                }
            }
        }
        return all.stream().distinct();
    }

    /** A function with a source for each vector, opened by a user with all interrupts armed. */
    private static final class Card {
        private final Msi msi = new Msi(VECTORS, true);
        private final MsiX msix = new MsiX(VECTORS, 0, 0x800, 0, 0xc00);
        private final List<Source> sources = new ArrayList<>();
        private final UserIrqs user = new UserIrqs();
        private final PciFunction function;
        private final TestDevice device;

        Card(Setting setting) throws ErrnoException {
            var declared = PciFunction.of(1, 2)
                    .bar(Bar.memory(0, 0x1000))
                    .busMaster()
                    .interruptPin(setting.pin ? Pin.INTA : Pin.NONE);
            if (setting.hasMsi) {
                declared.capability(msi);
            }
            if (setting.hasMsix) {
                declared.capability(msix);
            }
            function = declared.build();
            device = new TestDevice(function, made -> {
                IntStream.range(0, VECTORS).mapToObj(made::source).forEach(sources::add);
                return List.of(new MemoryRegion(MemorySegment.ofArray(new byte[0x1000])));
            });
            device.open(user);
            user.arm(INTX_IRQ, 0);
            for (int vector = 0; vector < VECTORS; vector++) {
                // An armed kind without a capability would count as enabled: see hiddenMsi.
                if (setting.hasMsi) {
                    user.arm(MSI_IRQ, vector);
                }
                if (setting.hasMsix) {
                    user.arm(MSIX_IRQ, vector);
                }
            }
            command(setting.master, setting.disabled);
            if (setting.msi >= 0) {
                device.config(function.offset(msi) + 16, setting.masked ? "ff000000" : "00000000");
                device.config(function.offset(msi) + 2, "%02x".formatted(setting.msi << 4 | 1));
            }
            if (setting.msix) {
                device.config(function.offset(msix) + 3, setting.masked ? "c0" : "80");
            }
        }

        private void command(boolean master, boolean disabled) throws ErrnoException {
            device.config(4, "%02x%02x".formatted(master ? 6 : 2, disabled ? 4 : 0));
        }

        void allow(Setting setting) throws ErrnoException {
            if (setting.msi >= 0) {
                device.config(function.offset(msi) + 16, "00000000");
            }
            if (setting.msix) {
                device.config(function.offset(msix) + 3, "80");
            }
            command(true, setting.disabled);
        }

        /** The signals of all kinds and vectors, without the expected one's: none may come. */
        int others(int index, int vector) {
            int sum = 0;
            for (int kind : new int[] {INTX_IRQ, MSI_IRQ, MSIX_IRQ}) {
                for (int i = 0; i < VECTORS; i++) {
                    sum += kind == index && i == vector ? 0 : user.signals(kind, i);
                }
            }
            return sum;
        }
    }

    @ParameterizedTest
    @MethodSource("settings")
    void interruptUsesTheKindThatTheGuestEnabled(Setting setting) throws ErrnoException {
        for (int vector : new int[] {0, 2, 5}) {
            var card = new Card(setting);
            Source source = card.sources.get(vector);
            source.interrupt();
            source.interrupt();
            int index = setting.messages() ? setting.index() : INTX_IRQ;
            int sent = setting.messages() ? setting.sent(vector) : 0;
            int now = setting.messages() ? setting.open() ? 2 : 0 : setting.line() ? 1 : 0;
            assertEquals(now, card.user.signals(index, sent), "signals of vector " + vector);
            assertEquals(0, card.others(index, sent), "others");
            assertEquals(setting.line(), card.user.line());

            card.allow(setting);
            int later = setting.messages() && !setting.open() ? 1 : now; // what was kept comes once
            assertEquals(later, card.user.signals(index, sent), "after the guest allowed it");

            source.level(false);
            assertFalse(card.user.line());
            assertEquals(later, card.user.signals(index, sent));
            assertEquals(0, card.others(index, sent), "others");
        }
    }

    @ParameterizedTest
    @MethodSource("settings")
    void risingLevelSendsAMessageAndFallingLevelWithdrawsIt(Setting setting) throws ErrnoException {
        var card = new Card(setting);
        Source source = card.sources.get(5);
        source.level(true);
        source.level(true);
        int index = setting.messages() ? setting.index() : INTX_IRQ;
        int sent = setting.messages() ? setting.sent(5) : 0;
        int now = setting.open() || setting.line() ? 1 : 0;
        assertEquals(now, card.user.signals(index, sent));
        source.level(false);
        card.allow(setting);
        assertEquals(now, card.user.signals(index, sent), "what was pending is taken back");
        assertEquals(0, card.others(index, sent), "others");
    }

    /** Two sources whose vectors are one to the guest: the message is taken back with the last of them. */
    @Test
    void sourcesThatShareAMessage() throws ErrnoException {
        var card = new Card(new Setting(true, false, true, 1, false, false, true, true));
        card.sources.get(1).level(true);
        card.sources.get(3).level(true);
        card.sources.get(2).level(true);
        card.sources.get(3).level(false);
        card.sources.get(2).level(false);
        card.allow(new Setting(true, false, true, 1, false, false, true, true));
        assertEquals(1, card.user.signals(MSI_IRQ, 1), "source 1 is still high");
        assertEquals(0, card.user.signals(MSI_IRQ, 0), "source 2 is not");
    }

    @Test
    void lineFallsWithTheLastSourceOfAnyVector() throws ErrnoException {
        var card = new Card(new Setting(true, false, true, -1, true, false, true, false));
        card.sources.get(7).interrupt();
        card.sources.get(0).level(true);
        assertEquals("0800", card.device.config(6, 2).replace("1800", "0800"), "Interrupt Status");
        card.sources.get(7).level(false);
        assertTrue(card.user.line());
        card.sources.get(0).level(false);
        assertFalse(card.user.line());
    }

    /** A source of a vector that MSI-X does not have still drives the line. */
    @Test
    void undeclaredVectorIsNotSent() throws ErrnoException {
        var extra = new ArrayList<Source>();
        var function = PciFunction.of(1, 2)
                .interruptPin(Pin.INTA)
                .bar(Bar.memory(0, 0x1000))
                .capability(new MsiX(2, 0, 0x800, 0, 0xc00))
                .build();
        var device = new TestDevice(function, made -> {
            extra.add(made.source(2));
            return List.of(new MemoryRegion(MemorySegment.ofArray(new byte[0x1000])));
        });
        var user = new UserIrqs();
        device.open(user);
        user.arm(MSIX_IRQ, 2);
        extra.getFirst().interrupt();
        assertTrue(user.line());
        device.config(4, "0600");
        device.config(0x43, "80");
        extra.getFirst().interrupt();
        assertFalse(user.line());
        assertEquals(0, user.signals(MSIX_IRQ, 2));
    }
}
