package mdev.fuse;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The test mounts. Where that is not possible it is skipped with the reason, or fails if the environment has a
 * {@code MDEV_REQUIRE_FUSE}, as where changes land.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(FuseCondition.class)
@interface RequiresFuse {}
