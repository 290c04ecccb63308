package io.seqd.client;

/** How ids are to be ordered. */
public enum Mode {
  /** The store's own choice. */
  DEFAULT("default"),
  /** Unique, increasing in trend; the fastest. */
  WEAK("weak"),
  /** Unique, strictly increasing over all workers. */
  STRONG("strong");

  private final String wire;

  Mode(String wire) {
    this.wire = wire;
  }

  /** Returns the mode's name on the wire: {@code weak}, {@code strong} or {@code default}. */
  @Override
  public String toString() {
    return wire;
  }
}
