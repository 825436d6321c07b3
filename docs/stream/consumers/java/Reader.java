import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * An example of a service that reads ledgerdesk.events: it writes a line for each event to a journal, each exactly once.
 *
 * <pre>
 * mvn dependency:copy-dependencies -DoutputDirectory=jars
 * java -cp 'jars/*' Reader.java localhost:9092 ledgerdesk.events journal.tsv ../..
 * </pre>
 *
 * The last argument is the folder with the schemas. Kill it whenever you like: the journal's last whole line of a partition says
 * where to go on.
 */
public class Reader {
    private final Path schemas;
    private final FileChannel journal;
    private final Map<Integer, Long> places = new HashMap<>();
    private final Map<String, Long> versions = new HashMap<>();
    private final Map<String, Optional<Schema>> known = new HashMap<>();
    private final SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
    private final ObjectMapper json = new ObjectMapper();

    public static void main(String[] arguments) throws IOException {
        new Reader(Path.of(arguments[2]), Path.of(arguments[3])).read(arguments[0], arguments[1]);
    }

    Reader(Path journal, Path schemas) throws IOException {
        this.schemas = schemas;
        this.journal = FileChannel.open(journal, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        String written = Files.readString(journal);
        // A kill may have left half a line.
        String whole = written.substring(0, written.lastIndexOf('\n') + 1);
        this.journal.truncate(whole.getBytes(StandardCharsets.UTF_8).length);
        this.journal.position(this.journal.size());
        whole.lines().map(line -> line.split("\t")).forEach(this::remember);
    }

    private void remember(String[] line) {
        places.put(Integer.valueOf(line[0]), Long.valueOf(line[1]));
        if (line[2].equals("taken")) {
            versions.put(line[3], Long.valueOf(line[4]));
        }
    }

    void read(String servers, String topic) throws IOException {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", servers,
                "isolation.level", "read_committed",
                "enable.auto.commit", false,
                "auto.offset.reset", "earliest",
                "reconnect.backoff.max.ms", 500);
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> parts = consumer.partitionsFor(topic).stream()
                    .map(part -> new TopicPartition(topic, part.partition()))
                    .toList();
            consumer.assign(parts);
            consumer.seekToBeginning(parts);
            places.forEach((number, place) -> consumer.seek(new TopicPartition(topic, number), place));
            while (true) {
                StringBuilder page = new StringBuilder();
                for (ConsumerRecord<String, byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
                    page.append(take(message));
                }
                keep(page.toString());
            }
        }
    }

    /** What happened and where to go on are one line: neither is ever kept without the other. */
    private void keep(String page) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(page.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            journal.write(bytes);
        }
        journal.force(false);
    }

    /** The journal's line about a message: taken, repeat, unknown or aside. */
    private String take(ConsumerRecord<String, byte[]> message) throws IOException {
        String where = message.partition() + "\t" + (message.offset() + 1) + "\t";
        try {
            String type = attribute(message, "type");
            String subject = attribute(message, "subject");
            long version = Long.parseLong(attribute(message, "version"));
            return where + judged(message, type, subject, version) + "\t" + subject + "\t" + version + "\t" + type + "\n";
        } catch (IllegalArgumentException refused) {
            // Somebody must look at it; the others do not wait for that.
            return where + "aside\n";
        }
    }

    private String judged(ConsumerRecord<String, byte[]> message, String type, String subject, long version)
            throws IOException {
        Optional<Schema> schema = schema(type);
        if (schema.isEmpty()) {
            return "unknown";
        }
        if (version <= versions.getOrDefault(subject, 0L)) {
            return "repeat";
        }
        if (!valid(schema.get(), message.value())) {
            return "aside";
        }
        versions.put(subject, version);
        return "taken";
    }

    private boolean valid(Schema schema, byte[] data) throws IOException {
        try {
            return schema.validate(json.readTree(data)).isEmpty();
        } catch (JsonProcessingException refused) {
            return false;
        }
    }

    /** None where a desk of a newer release sends more than we have schemas for. */
    private Optional<Schema> schema(String type) throws IOException {
        if (!known.containsKey(type)) {
            Path file = schemas.resolve(type + ".json");
            known.put(type, Files.exists(file) ? Optional.of(registry.getSchema(Files.readString(file))) : Optional.empty());
        }
        return known.get(type);
    }

    private static String attribute(ConsumerRecord<String, byte[]> message, String name) {
        var header = message.headers().lastHeader("ce_" + name);
        if (header == null) {
            throw new IllegalArgumentException("is not a CloudEvent");
        }
        return new String(header.value(), StandardCharsets.UTF_8);
    }
}
