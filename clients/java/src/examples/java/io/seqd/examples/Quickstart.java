package io.seqd.examples;

import io.nats.client.Connection;
import io.nats.client.Nats;
import io.seqd.client.Client;
import io.seqd.client.IdRange;
import io.seqd.client.Mode;

/** The program of README.md. */
public final class Quickstart {
  private Quickstart() {}

  /**
   * Asks for a few ids.
   *
   * @param args none
   * @throws Exception if there is no server or no id
   */
  public static void main(String[] args) throws Exception {
    String url = System.getenv().getOrDefault("NATS_URL", "nats://127.0.0.1:4222");
    Connection nc = Nats.connect(Client.connectOptions(url).build());
    Client client = new Client(nc);

    long id = client.next("orders", "invoice");
    System.out.println("invoice " + id);

    IdRange ids = client.nextN("orders", "发票/2026", 3, client.options().withMode(Mode.STRONG));
    for (long i : ids) {
      System.out.println("receipt " + i);
    }

    client.nextAsync("orders", "invoice").thenAccept(i -> System.out.println("invoice " + i)).get();
    nc.close();
  }
}
