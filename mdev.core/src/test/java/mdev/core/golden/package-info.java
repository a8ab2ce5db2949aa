/**
 * Replays golden transcripts of the real kernel against a management tree. Depends only on the API and a JSON parser.
 */
@org.jspecify.annotations.NullMarked
package mdev.core.golden;
