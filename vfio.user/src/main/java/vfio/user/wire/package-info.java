/** The message formats of the vfio-user protocol (docs/interop/vfio-user.rst of QEMU). */
@NullMarked
package vfio.user.wire;

import org.jspecify.annotations.NullMarked;
