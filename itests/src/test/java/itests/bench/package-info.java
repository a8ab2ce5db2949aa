/** The measurements of docs/performance.md. Not part of {@code verify}: {@code cnf/bench} runs them. */
@NullMarked
package itests.bench;

import org.jspecify.annotations.NullMarked;
