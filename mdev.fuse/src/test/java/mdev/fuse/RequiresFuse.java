package mdev.fuse;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks tests that mount. If mounting is impossible, they are skipped with the reason, or fail if the environment has
 * {@code MDEV_REQUIRE_FUSE}, as in CI.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(FuseCondition.class)
@interface RequiresFuse {}
