#!/usr/bin/env bash
# jackson-dataformat-msgpack 0.9.11: 2^32+5 is read into an int field as 5, without
# an error. The same ObjectMapper with the format that Jackson comes with, JSON,
# refuses the same number for the same class.
#
# Guess: what fits and what does not is databind's to say, and so alike in both formats.
# Seen: it is each format's parser that narrows; getIntValue of this one is a cast.
# For seqd: a class that reads its answers in msgpack has long for an id.
set -euo pipefail
msgpack=0.9.11 jackson=2.21.0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>0</version>
  <dependencies>
    <dependency><groupId>org.msgpack</groupId><artifactId>jackson-dataformat-msgpack</artifactId><version>$msgpack</version></dependency>
    <dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-databind</artifactId><version>$jackson</version></dependency>
  </dependencies>
</project>
XML
cat >Main.java <<'JAVA'
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import org.msgpack.jackson.dataformat.MessagePackFactory;

class Main {
  public static class Narrow {
    public int id;
  }

  static String read(ObjectMapper mapper) throws Exception {
    byte[] bytes = mapper.writeValueAsBytes(Map.of("id", (1L << 32) + 5));
    try {
      return "id " + mapper.readValue(bytes, Narrow.class).id + ", no error";
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      return "refused";
    }
  }

  public static void main(String[] args) throws Exception {
    String json = read(new ObjectMapper()), msgpack = read(new ObjectMapper(new MessagePackFactory()));
    System.out.println("4294967301 into an int, JSON:    expected refused, seen " + json);
    System.out.println("4294967301 into an int, msgpack: expected refused, seen " + msgpack);
    System.exit(json.equals("refused") && msgpack.equals("id 5, no error") ? 0 : 1);
  }
}
JAVA
mvn -B -q -ntp dependency:copy-dependencies -DoutputDirectory=lib >log 2>&1 || { cat log; exit 2; }
echo "jackson-dataformat-msgpack $msgpack, jackson-databind $jackson, $(java -version 2>&1 | head -n 1)"
java -cp 'lib/*' Main.java
