package itests.vm;

import java.util.regex.Pattern;

/**
 * The permitted differences between a guest's {@code lspci -n -s 00:05.0 -xxvv} and the kernel's document ("Using the
 * Sample Code" of vfio-mediated-device.rst, 5.10). Everything else is equal.
 */
enum LspciRule {
    /** The document does not use {@code -n}: it has names for known ids and numbers for the rest. */
    NAMES("(Serial controller|0700): (Device )?(4348:3253)", "0700: $3"),
    NAME_OF_THE_SUBSYSTEM("\tSubsystem: (Device )?", "\tSubsystem: "),
    /** The firmware places the ports. */
    IO_ADDRESS("(?m)^(\tRegion \\d: I/O ports at )[0-9a-f]+", "$1*"),
    IO_ADDRESS_IN_THE_HEADER("(?m)^10: [0-9a-f]{2} [0-9a-f]{2} 00 00 [0-9a-f]{2} [0-9a-f]{2} 00 00", "10: * *"),
    /** The firmware wires the slot. */
    IRQ_NUMBER("(?m)^(\tInterrupt: pin A routed to IRQ )\\d+", "$1*"),
    IRQ_NUMBER_IN_THE_HEADER("(?m)^(30:(?: [0-9a-f]{2}){12}) [0-9a-f]{2}", "$1 *"),
    /** The guest's kernel is newer. */
    DRIVER("(?m)^\tKernel driver in use: .*\n", "");

    private final Pattern pattern;
    private final String replacement;

    LspciRule(String pattern, String replacement) {
        this.pattern = Pattern.compile(pattern);
        this.replacement = replacement;
    }

    /** A dump after the rules have been applied. */
    static String normalize(String dump) {
        var text = dump;
        for (var rule : values()) {
            text = rule.pattern.matcher(text).replaceAll(rule.replacement);
        }
        return text;
    }

    boolean appliesTo(String dump) {
        return pattern.matcher(dump).find();
    }
}
