package vfio.mdev.table;

import java.util.LinkedHashMap;
import java.util.Map;

/** The runnable side of the table's rows, by call and case. */
final class Cases {
    /** Succeeds, or throws the row's errno; asserts the row's other claims itself. */
    @FunctionalInterface
    interface Case {
        void run(Rig rig) throws Exception;
    }

    final Map<String, Case> all = new LinkedHashMap<>();
    private String call = "";

    /** Assigns the following cases to this call. */
    Cases of(String name) {
        call = name;
        return this;
    }

    Cases add(String name, Case run) {
        if (all.put(call + " | " + name, run) != null) {
            throw new IllegalArgumentException("twice: " + call + " | " + name);
        }
        return this;
    }
}
