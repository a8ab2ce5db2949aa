/** Stock QEMU, stock Linux: guests that drive the platform's devices, each in its own process. */
@NullMarked
package itests.vm;

import org.jspecify.annotations.NullMarked;
