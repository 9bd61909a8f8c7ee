package onbehalf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * HL7's validator over the answers that the Rust tests recorded: all of them, or as many of each type, status and operation.
 * Answers in XML are validated as XML.
 */
final class ValidateAnswers {
  private ValidateAnswers() {}

  static boolean run(Hl7Validator validator, Path folder, String each) throws Exception {
    boolean all = each.equals("all");
    long started = System.nanoTime();
    Collection<String> names = all ? indexed(folder).keySet() : sample(folder, Integer.parseInt(each));
    Map<String, String> wrong = new ConcurrentSkipListMap<>();
    Map<String, Integer> resources = new ConcurrentSkipListMap<>();
    ExecutorService workers = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    for (String name : names) {
      workers.submit(() -> {
        try {
          String text = text(folder, name);
          Matcher types = Pattern.compile("\"resourceType\":\"([A-Za-z]+)\"").matcher(Files.readString(folder.resolve(name)));
          while (types.find()) resources.merge(types.group(1), 1, Integer::sum);
          List<Hl7Validator.Message> errors = validator.errors(text);
          if (!errors.isEmpty()) wrong.put(name, errors.stream().map(Object::toString).distinct().limit(4).collect(Collectors.joining("; ")));
        } catch (Exception | StackOverflowError error) {
          wrong.put(name, String.valueOf(error));
        }
      });
    }
    workers.shutdown();
    boolean ended = workers.awaitTermination(60, TimeUnit.MINUTES);
    judgeAlone(validator, folder, wrong);
    validator.printClasses();
    Map<String, String> origins = indexed(folder);
    wrong.entrySet().stream().limit(all ? 10_000 : 50)
        .forEach(one -> System.out.println("not ok " + one.getKey() + " " + origins.get(one.getKey()) + ": " + Harness.oneLine(one.getValue(), 900)));
    long xml = names.stream().filter(name -> name.endsWith(".xml")).count();
    int count = resources.values().stream().mapToInt(Integer::intValue).sum();
    boolean good = ended && wrong.isEmpty() && !names.isEmpty();
    System.out.println((good ? "ok " : "not ok ") + wrong.size() + " invalid of " + names.size() + " recorded answers, " + xml
        + " of them XML, with " + count + " resources (" + resources.size() + " types), in " + TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started) + " s");
    return good;
  }

  /**
   * Judges again, one after the other, what was found wrong. To judge a StructureDefinition the validator makes its snapshot
   * out of base definitions that its threads share, and two that do so at once can fail with an exception.
   */
  private static void judgeAlone(Hl7Validator validator, Path folder, Map<String, String> wrong) throws IOException {
    for (String name : List.copyOf(wrong.keySet())) {
      if (wrong.get(name).contains("ERROR_GENERATING_SNAPSHOT") && validator.errors(text(folder, name)).isEmpty()) wrong.remove(name);
    }
  }

  private static String text(Path folder, String name) throws IOException {
    Path raw = folder.resolve(name + ".raw");
    return Files.readString(Files.exists(raw) ? raw : folder.resolve(name));
  }

  /** Each answer with the status and the operation of which it is the answer, in the order of their names. */
  private static Map<String, String> indexed(Path folder) throws IOException {
    Map<String, String> origins = new TreeMap<>();
    for (String line : Files.readAllLines(folder.resolve("index.tsv"))) {
      int tab = line.indexOf('\t');
      origins.put(line.substring(0, tab), line.substring(tab + 1));
    }
    return origins;
  }

  /** The first answers of each format, status, operation (without its parameters) and set of types. */
  private static Set<String> sample(Path folder, int each) throws IOException {
    Map<String, List<String>> groups = new LinkedHashMap<>();
    for (Map.Entry<String, String> one : indexed(folder).entrySet()) {
      Matcher types = Pattern.compile("\"resourceType\":\"([A-Za-z]+)\"").matcher(Files.readString(folder.resolve(one.getKey())));
      Set<String> found = new LinkedHashSet<>();
      while (types.find()) found.add(types.group(1));
      String operation = one.getValue().replaceFirst("[?].*$", "");
      String format = one.getKey().replaceFirst("^.*[.]", "");
      String group = format + " " + operation + " " + found.stream().sorted().collect(Collectors.joining(","));
      List<String> members = groups.computeIfAbsent(group, key -> new ArrayList<>());
      if (members.size() < each) members.add(one.getKey());
    }
    return groups.values().stream().flatMap(List::stream).collect(Collectors.toCollection(LinkedHashSet::new));
  }
}
