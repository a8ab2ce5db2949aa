package mdev.console.control;

/**
 * The limits of the resources that clients of a control socket can make this process hold.
 *
 * @param clients the number of clients of the socket
 * @param lines the number of lines of one client that wait for their turn
 */
public record ControlLimits(int clients, int lines) {}
