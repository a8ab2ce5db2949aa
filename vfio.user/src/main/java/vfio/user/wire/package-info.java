/** The vfio-user protocol on the wire: what a message must look like (docs/interop/vfio-user.rst of QEMU). */
@NullMarked
package vfio.user.wire;

import org.jspecify.annotations.NullMarked;
