package io.seqd.client;

import java.util.List;

/**
 * Ids without holes, and how people are to read them.
 *
 * <p>Whether a key has numbers, and what they look like, is its store's configuration. Where it has
 * none, {@code numbers} is empty and {@code period} is {@code ""}. As text it reads as the numbers
 * do, with a space between two, and as the ids where there are none.
 *
 * @param ids the ids, which count within the period
 * @param period the period that the ids count in, such as {@code "2026-11"}; {@code ""} where the
 *     key counts in none
 * @param numbers the numbers as they are to be printed, one for each id, in the order of the ids
 * @param replayed whether the answer is a repeat: a request with the same idempotency key had got
 *     it before, in an earlier call or in an attempt of this one that heard nothing
 */
public record Numbers(IdRange ids, String period, List<String> numbers, boolean replayed) {
  /**
   * Copies the list.
   *
   * @param ids the ids
   * @param period the period, or {@code ""}
   * @param numbers the numbers, or none
   * @param replayed whether it is a repeat
   */
  public Numbers {
    numbers = List.copyOf(numbers);
  }

  /** Returns what an answer says that holds ids and nothing else. */
  static Numbers of(IdRange ids) {
    return new Numbers(ids, "", List.of(), false);
  }

  @Override
  public String toString() {
    return numbers.isEmpty() ? ids.toString() : String.join(" ", numbers);
  }
}
