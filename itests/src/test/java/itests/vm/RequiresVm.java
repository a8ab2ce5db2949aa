package itests.vm;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The test boots VMs. If QEMU or a guest is not available, it is skipped with the reason, or fails if the environment
 * sets {@code MDEV_REQUIRE_VM}, as in CI.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(VmCondition.class)
@interface RequiresVm {}
