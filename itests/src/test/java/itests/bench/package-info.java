/** The numbers of docs/performance.md. No part of {@code verify}: {@code cnf/bench} runs it. */
@NullMarked
package itests.bench;

import org.jspecify.annotations.NullMarked;
