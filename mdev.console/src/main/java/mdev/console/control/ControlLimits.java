package mdev.console.control;

/**
 * What the clients of a control socket can make this process hold.
 *
 * @param clients of the socket
 * @param lines of one client that wait for their turn
 */
public record ControlLimits(int clients, int lines) {}
