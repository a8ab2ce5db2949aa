package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LimitsTest {
    @ParameterizedTest
    @CsvSource({
        ", 4000, 2000",
        "250, 250, 125",
        "' 0 ', 0, 0",
        "-1, 4000, 2000",
        "1s, 4000, 2000",
        "9999999999, 4000, 2000"
    })
    void readsItsTimeout(@Nullable String property, long total, long patience) {
        assertEquals(new Limits(Duration.ofMillis(total), Duration.ofMillis(patience)), Limits.of(property));
    }
}
