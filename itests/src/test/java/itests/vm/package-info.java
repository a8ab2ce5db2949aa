/** Stock QEMU, stock Linux: guests that drive the platform's devices, each as a process of its own. */
@NullMarked
package itests.vm;

import org.jspecify.annotations.NullMarked;
