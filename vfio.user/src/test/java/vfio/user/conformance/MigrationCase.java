package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import org.junit.jupiter.api.DynamicTest;

/** A case with a card that can be migrated, and its user. */
@FunctionalInterface
interface MigrationCase {
    void run(Rig rig, StatefulCard card, Migrating user) throws Exception;

    static void run(MigrationCase test) throws Exception {
        run(new StatefulCard(), test);
    }

    static void run(StatefulCard card, MigrationCase test) throws Exception {
        try (Rig rig = new Rig(card)) {
            test.run(rig, card, new Migrating(rig.client()));
            assertEquals(0, card.violations.get(), "calls of a stopped card");
        }
    }

    static Stream<DynamicTest> all(Map<String, MigrationCase> cases) {
        return all(StatefulCard::new, cases);
    }

    /** @param cards makes a card for each case */
    static Stream<DynamicTest> all(Supplier<StatefulCard> cards, Map<String, MigrationCase> cases) {
        return cases.entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> run(cards.get(), each.getValue())));
    }

    /** Brings a running device to a state; a resuming one has its complete stream then. */
    static void enter(StatefulCard card, Migrating user, int state, byte[] stream) throws Exception {
        if (state == Migrating.ERROR) {
            user.set(Migrating.RESUMING);
            user.refused(Errno.EINVAL, Migrating.STOP, Migrating.ERROR);
            return;
        }
        user.set(state);
        if (state == Migrating.RESUMING) {
            user.writeAll(stream, () -> 1 << 20);
        }
        assertEquals(0, card.violations.get());
    }
}
