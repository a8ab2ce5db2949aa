/** One client: its connection, and the VFIO files that it holds open through it. */
@NullMarked
package vfio.user.session;

import org.jspecify.annotations.NullMarked;
