package io.seqd.examples;

import io.nats.client.Connection;
import io.nats.client.Nats;
import io.seqd.client.Client;

/**
 * Asks for ten ids of one key, one after the other: {@code clients/java/run Demo -s
 * sequencer_demo}.
 */
public final class Demo {
  private static final String KEY = "examples";

  private Demo() {}

  /**
   * Runs the demo against the server that NATS_URL names.
   *
   * @param args the store, with or without {@code -s} before it
   * @throws Exception if there is no server or no id
   */
  public static void main(String[] args) throws Exception {
    String store = args.length == 0 ? "sequencer_demo" : args[args.length - 1];
    String url = System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222");
    Connection nc = Nats.connect(Client.connectOptions(url).build());
    try (Client client = new Client(nc)) {
      for (int i = 0; i < 10; i++) {
        System.out.println("Try to get next id.Key: " + KEY);
        System.out.println("Next id: " + client.next(store, KEY));
      }
    } finally {
      nc.close();
    }
  }
}
