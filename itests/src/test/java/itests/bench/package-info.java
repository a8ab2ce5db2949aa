/** The benchmark of docs/performance.md. Not part of {@code verify}: {@code ./mvnw -Pbench verify} runs it. */
@NullMarked
package itests.bench;

import org.jspecify.annotations.NullMarked;
