package itests.vm;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The test boots VMs. Where QEMU or a guest cannot be had it is skipped with the reason, or fails if the environment has a {@code MDEV_REQUIRE_VM}, as
 * where changes land.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(VmCondition.class)
@interface RequiresVm {}
