package io.seqd.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Programs that tests run: built from the repository with Go, which must be there. */
final class Programs {
  private static final Map<String, Path> built = new HashMap<>();

  private Programs() {}

  /** Builds a package of the repository's module, or one that it requires. */
  static synchronized Path build(String name, String pkg) throws Exception {
    Path out = Path.of("target", "bin", name).toAbsolutePath();
    if (built.containsKey(name)) {
      return out;
    }
    Process go =
        new ProcessBuilder("go", "build", "-o", out.toString(), pkg)
            .directory(Vectors.root().toFile())
            .redirectErrorStream(true)
            .start();
    String said = new String(go.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (go.waitFor() != 0) {
      throw new AssertionError("go build " + pkg + ": " + said);
    }
    built.put(name, out);
    return out;
  }

  /** A program that runs until it is closed, at the latest when the tests end. */
  static final class Running {
    private final Process process;
    private final Thread hook;

    private Running(Process process) {
      this.process = process;
      this.hook = new Thread(process::destroyForcibly);
      Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Starts a program and waits until it has written a line that contains the pattern. */
    static Running start(List<String> command, Pattern ready, CompletableFuture<Matcher> found)
        throws Exception {
      Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
      Running running = new Running(p);
      Thread reader = new Thread(() -> read(p.getInputStream(), ready, found), "output of program");
      reader.setDaemon(true);
      reader.start();
      found.get(60, TimeUnit.SECONDS);
      return running;
    }

    private static void read(InputStream in, Pattern ready, CompletableFuture<Matcher> found) {
      List<String> said = new ArrayList<>();
      try (var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          Matcher m = ready.matcher(line);
          if (m.find()) {
            found.complete(m);
          } else if (!found.isDone()) {
            said.add(line);
          }
        }
      } catch (IOException e) {
        said.add(e.toString());
      }
      found.completeExceptionally(new AssertionError("it ended before it was ready: " + said));
    }

    /** Stops the program with SIGTERM. */
    void close() throws Exception {
      process.destroy();
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }
}
