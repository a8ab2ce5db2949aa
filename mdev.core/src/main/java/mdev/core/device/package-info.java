/**
 * The driver model below the mediated core: kobjects, devices, device classes, and the bundles that own these objects.
 */
@org.jspecify.annotations.NullMarked
package mdev.core.device;
