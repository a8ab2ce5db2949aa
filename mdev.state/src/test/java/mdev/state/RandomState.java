package mdev.state;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import mdev.api.state.DeviceState;

/** States with values of every kind, from a seed. */
final class RandomState {
    private final Random random;

    RandomState(long seed) {
        this.random = new Random(seed);
    }

    DeviceState next() {
        return new DeviceState(1 + random.nextInt(Integer.MAX_VALUE), map(0));
    }

    private Map<String, Object> map(int depth) {
        Map<String, Object> fields = new LinkedHashMap<>();
        int count = random.nextInt(6);
        for (int i = 0; i < count; i++) {
            fields.put("f" + i + "\u00e9".repeat(random.nextInt(4)), value(depth));
        }
        return fields;
    }

    private Object value(int depth) {
        return switch (random.nextInt(depth < DeviceState.MAX_DEPTH - 1 ? 7 : 5)) {
            case 0 -> random.nextLong() >> random.nextInt(64);
            case 1 -> random.nextBoolean();
            case 2 -> "\u20actext".repeat(random.nextInt(60));
            case 3 -> bytes(random.nextInt(300));
            case 4 -> random.nextBoolean() ? Long.MIN_VALUE : Long.MAX_VALUE;
            case 5 -> map(depth + 1);
            default -> list(depth + 1);
        };
    }

    private List<Object> list(int depth) {
        List<Object> values = new ArrayList<>();
        int count = random.nextInt(5);
        for (int i = 0; i < count; i++) {
            values.add(value(depth));
        }
        return values;
    }

    byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
