package mdev.metrics;

import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import mdev.api.metrics.Metric;
import mdev.api.metrics.Metric.Sample;
import mdev.api.metrics.MetricSource;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The metrics of all sources and of the JVM as OpenMetrics text. A source is foreign code: its call has a deadline,
 * and a hung source is not called again while it hangs.
 */
final class Exposition implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Exposition.class);
    private static final Duration SCRAPE = Duration.ofSeconds(2);

    /** The maximum number of samples per scrape; further samples are left out. */
    private static final int MOST = 100_000;

    private final Supplier<List<MetricSource>> sources;
    private final BoundedCalls calls = new BoundedCalls("mdev-metrics-call");
    private final Map<MetricSource, Answer> running = new ConcurrentHashMap<>();
    private final FaultLog faults = new FaultLog(LOG, "a source of metrics");
    private final OpenMetricsTextFormatWriter writer =
            OpenMetricsTextFormatWriter.builder().build();

    /** Created by the first scrape, so that it does not delay the platform's start. Guarded by the monitor. */
    private @Nullable PrometheusRegistry jvm;

    Exposition(Supplier<List<MetricSource>> sources) {
        this.sources = sources;
    }

    /** The answer of a source; empty until the source returns. */
    private static final class Answer {
        private volatile List<Metric> metrics = List.of();
    }

    byte[] text() {
        Map<String, MetricSnapshot> snapshots = new TreeMap<>();
        jvm().scrape().forEach(snapshot -> snapshots.put(name(snapshot), snapshot));
        int left = MOST;
        for (Metric metric : ask()) {
            List<Sample> samples = metric.samples().stream().limit(left).toList();
            left -= samples.size();
            try {
                MetricSnapshot snapshot = snapshot(metric, samples);
                snapshots.putIfAbsent(name(snapshot), snapshot);
            } catch (RuntimeException e) { // a name, label or value that OpenMetrics does not allow
                faults.report("metric " + metric.name(), e);
            }
        }
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            writer.write(text, new MetricSnapshots(snapshots.values()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toByteArray();
    }

    /** The name in the text, without characters that OpenMetrics does not allow. */
    private static String name(MetricSnapshot snapshot) {
        return snapshot.getMetadata().getPrometheusName();
    }

    private synchronized PrometheusRegistry jvm() {
        PrometheusRegistry made = jvm;
        if (made == null) {
            made = new PrometheusRegistry();
            JvmMetrics.builder().register(made);
            jvm = made;
        }
        return made;
    }

    private List<Metric> ask() {
        Deadline deadline = Deadline.in(SCRAPE);
        Map<BoundedCalls.Call, Answer> asked = new LinkedHashMap<>();
        for (MetricSource source : sources.get()) {
            Answer answer = new Answer();
            if (running.putIfAbsent(source, answer) == null) {
                asked.put(calls.start("metrics of " + source.getClass().getName(), () -> ask(source, answer)), answer);
            }
        }
        List<Metric> metrics = new ArrayList<>();
        asked.forEach((call, answer) -> {
            if (!call.awaitUninterruptibly(deadline)) {
                LOG.warn("a source of metrics does not answer", call.stack());
            }
            metrics.addAll(answer.metrics);
        });
        return metrics;
    }

    private void ask(MetricSource source, Answer answer) {
        try {
            answer.metrics = List.copyOf(source.metrics());
        } catch (RuntimeException | LinkageError e) {
            faults.report(source.getClass().getName(), e);
        } finally {
            running.remove(source);
        }
    }

    private static MetricSnapshot snapshot(Metric metric, List<Sample> samples) {
        Set<Labels> seen = new HashSet<>();
        return switch (metric.type()) {
            case COUNTER -> {
                CounterSnapshot.Builder counter =
                        CounterSnapshot.builder().name(metric.name()).help(metric.help());
                for (Sample sample : samples) {
                    Labels labels = labels(sample);
                    if (seen.add(labels)) {
                        counter.dataPoint(CounterDataPointSnapshot.builder()
                                .labels(labels)
                                .value(sample.value())
                                .build());
                    }
                }
                yield counter.build();
            }
            case GAUGE -> {
                GaugeSnapshot.Builder gauge =
                        GaugeSnapshot.builder().name(metric.name()).help(metric.help());
                for (Sample sample : samples) {
                    Labels labels = labels(sample);
                    if (seen.add(labels)) {
                        gauge.dataPoint(GaugeDataPointSnapshot.builder()
                                .labels(labels)
                                .value(sample.value())
                                .build());
                    }
                }
                yield gauge.build();
            }
        };
    }

    private static Labels labels(Sample sample) {
        Map<String, String> sorted = new TreeMap<>(sample.labels());
        return Labels.of(sorted.keySet().toArray(String[]::new), sorted.values().toArray(String[]::new));
    }

    /** Interrupts hung sources. */
    @Override
    public void close() {
        calls.close();
    }
}
