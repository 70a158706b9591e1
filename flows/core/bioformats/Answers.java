import java.io.BufferedReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import loci.common.DebugTools;
import loci.common.services.ServiceFactory;
import loci.formats.ChannelFiller;
import loci.formats.ChannelSeparator;
import loci.formats.FileInfo;
import loci.formats.FormatException;
import loci.formats.FormatTools;
import loci.formats.IFormatReader;
import loci.formats.ImageReader;
import loci.formats.UnknownFormatException;
import loci.formats.in.DefaultMetadataOptions;
import loci.formats.in.MetadataLevel;
import loci.formats.meta.DummyMetadata;
import loci.formats.meta.MetadataStore;
import loci.formats.ome.OMEXMLMetadata;
import loci.formats.services.OMEXMLService;

/**
 * Answers questions about files with Bio-Formats, one after the other, so that many cost one start of Java.
 *
 * A question is a line on standard input: what, then what it is about, each in Base64 of UTF-8, separated by blanks.
 * An answer is a line of JSON on standard output. Ends when standard input does, whatever it is doing, and after
 * some idle seconds, the only argument. Files are opened as OMERO's importer opens them (ImportCandidates,
 * OMEROWrapper: no overlays, colours and channels taken apart, resolutions of a pyramid as one image).
 */
public final class Answers {
  static final int IDLE = 9;
  static final int LARGEST_PLANE = 3192 * 3192;
  static final long READ_ALL = 16 << 20;
  private static final String END = "";

  private final OMEXMLService xml;
  private ImageReader base;
  private ChannelSeparator reader;
  private String opened;

  private Answers() throws Exception {
    xml = new ServiceFactory().getInstance(OMEXMLService.class);
    renew();
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    System.setOut(System.err);
    DebugTools.setRootLevel("OFF");
    LinkedBlockingQueue<String> questions = new LinkedBlockingQueue<>();
    Thread ear = new Thread(() -> listen(questions), "ear");
    ear.setDaemon(true);
    ear.start();
    long patience = Long.parseLong(args[0]);
    Answers answers = new Answers();
    say(out, "{\"ready\":true}");
    while (true) {
      String question = questions.poll(patience, TimeUnit.SECONDS);
      if (question == null) {
        Runtime.getRuntime().halt(IDLE);
      }
      say(out, answers.answer(question.split(" ")));
    }
  }

  private static void listen(LinkedBlockingQueue<String> questions) {
    try {
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
      String line;
      while ((line = in.readLine()) != null) {
        questions.add(line);
      }
    } catch (IOException gone) {
      // Nobody is there any more.
    }
    Runtime.getRuntime().halt(0);
  }

  private static void say(PrintStream out, String line) {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
    out.write(bytes, 0, bytes.length);
    out.flush();
  }

  private void renew() {
    base = new ImageReader();
    reader = new ChannelSeparator(new ChannelFiller(base));
    opened = null;
  }

  private String answer(String[] question) {
    try {
      String[] about = new String[question.length - 1];
      for (int i = 0; i < about.length; i++) {
        about[i] = new String(Base64.getDecoder().decode(question[i + 1]), StandardCharsets.UTF_8);
      }
      switch (question[0]) {
        case "group":
          return group(about[0]);
        case "images":
          return images(about[0]);
        case "planes":
          return planes(about[0]);
        case "plane":
          return plane(about);
        case "parents":
          return parents(about);
        default:
          return failed("other", new IllegalArgumentException(question[0]));
      }
    } catch (OutOfMemoryError full) {
      throw full;
    } catch (UnknownFormatException unknown) {
      return failed("unknown", unknown);
    } catch (FileNotFoundException | NoSuchFileException missing) {
      return failed("missing", missing);
    } catch (IOException unread) {
      return failed("io", unread);
    } catch (FormatException broken) {
      return failed(broken.getCause() instanceof FileNotFoundException ? "missing" : "format", broken);
    } catch (Throwable other) {
      return failed("other", other);
    }
  }

  private String failed(String kind, Throwable why) {
    forget();
    return new Json().put("failed", kind).put("error", why.getClass().getName())
        .put("message", String.valueOf(why.getMessage())).end();
  }

  /** Whatever a reader keeps after a failure is not trusted. */
  private void forget() {
    try {
      reader.close();
    } catch (IOException | RuntimeException broken) {
      // A new one is made anyway.
    }
    renew();
  }

  private void open(String path, MetadataStore store) throws FormatException, IOException {
    reader.close();
    opened = null;
    reader.setFlattenedResolutions(false);
    reader.setMetadataStore(store);
    reader.setMetadataOptions(new DefaultMetadataOptions(MetadataLevel.NO_OVERLAYS));
    reader.setId(path);
  }

  private String group(String path) throws FormatException, IOException {
    open(path, new DummyMetadata());
    try {
      FileInfo[] infos = reader.getAdvancedUsedFiles(false);
      String[] files = Arrays.stream(infos).map(each -> each.filename).toArray(String[]::new);
      String[] openers =
          Arrays.stream(infos).filter(each -> each.usedToInitialize).map(each -> each.filename).toArray(String[]::new);
      int series = reader.getSeriesCount();
      boolean plate = Arrays.asList(reader.getDomains()).contains(FormatTools.HCS_DOMAIN);
      return new Json().put("reader", base.getReader().getClass().getName()).put("format", reader.getFormat())
          .put("images", series).put("resolutions", resolutions()).put("plate", plate).put("files", files)
          .put("openers", openers).end();
    } finally {
      reader.close();
    }
  }

  private int resolutions() {
    int count = 0;
    for (int series = 0; series < reader.getSeriesCount(); series++) {
      reader.setSeries(series);
      count += reader.getResolutionCount();
    }
    return count;
  }

  private String images(String path) throws Exception {
    OMEXMLMetadata metadata = xml.createOMEXMLMetadata();
    open(path, metadata);
    try {
      StringBuilder all = new StringBuilder("[");
      for (int series = 0; series < reader.getSeriesCount(); series++) {
        reader.setSeries(series);
        all.append(series == 0 ? "" : ",");
        all.append(new Json().put("x", reader.getSizeX()).put("y", reader.getSizeY()).put("z", reader.getSizeZ())
            .put("c", reader.getSizeC()).put("t", reader.getSizeT())
            .put("type", FormatTools.getPixelTypeString(reader.getPixelType()))
            .put("order", reader.getDimensionOrder()).end());
        xml.addMetadataOnly(metadata, series);
      }
      return new Json().put("reader", base.getReader().getClass().getName()).put("format", reader.getFormat())
          .raw("images", all.append("]").toString()).put("xml", xml.getOMEXML(metadata)).end();
    } finally {
      reader.close();
    }
  }

  /**
   * Reads planes, as OMERO does for minima and maxima: not those that it leaves to a later process, and after some bytes
   * only the last plane of each image, where a file that is cut off shows it.
   */
  private String planes(String path) throws FormatException, IOException {
    open(path, new DummyMetadata());
    int read = 0;
    long left = READ_ALL;
    try {
      for (int series = 0; series < reader.getSeriesCount(); series++) {
        reader.setSeries(series);
        if ((long) reader.getSizeX() * reader.getSizeY() <= LARGEST_PLANE) {
          for (int plane = 0; plane < reader.getImageCount(); plane++) {
            if (left > 0 || plane == reader.getImageCount() - 1) {
              left -= reader.openBytes(plane).length;
              read++;
            }
          }
        }
      }
    } finally {
      reader.close();
    }
    return new Json().put("read", read).end();
  }

  /** One plane: path, series, z, c, t. The file stays open for the next one. */
  private String plane(String[] about) throws FormatException, IOException {
    int[] at = Arrays.stream(about, 1, 5).mapToInt(Integer::parseInt).toArray();
    if (!about[0].equals(opened)) {
      open(about[0], new DummyMetadata());
      opened = about[0];
    }
    reader.setSeries(at[0]);
    byte[] pixels = reader.openBytes(reader.getIndex(at[1], at[2], at[3]));
    return new Json().put("type", FormatTools.getPixelTypeString(reader.getPixelType()))
        .put("little", reader.isLittleEndian()).put("x", reader.getSizeX()).put("y", reader.getSizeY())
        .put("pixels", Base64.getEncoder().encodeToString(pixels)).end();
  }

  /** How many folders above the common one a reader needs of these paths: its class, then the paths. */
  private String parents(String[] about) throws Exception {
    Class<?> named = Class.forName(about[0]);
    IFormatReader asked = (IFormatReader) named.getDeclaredConstructor().newInstance();
    return new Json().put("parents", asked.getRequiredDirectories(Arrays.copyOfRange(about, 1, about.length))).end();
  }

  /** As much of JSON as is needed. */
  private static final class Json {
    private final StringBuilder text = new StringBuilder("{");

    Json raw(String name, String value) {
      text.append(text.length() > 1 ? "," : "").append(quoted(name)).append(':').append(value);
      return this;
    }

    Json put(String name, String value) {
      return raw(name, quoted(value));
    }

    Json put(String name, int value) {
      return raw(name, Integer.toString(value));
    }

    Json put(String name, boolean value) {
      return raw(name, Boolean.toString(value));
    }

    Json put(String name, String[] values) {
      StringBuilder list = new StringBuilder("[");
      for (String value : values) {
        list.append(list.length() > 1 ? "," : "").append(quoted(value));
      }
      return raw(name, list.append("]").toString());
    }

    String end() {
      return text + "}";
    }

    private static String quoted(String value) {
      StringBuilder quoted = new StringBuilder("\"");
      for (char each : value.toCharArray()) {
        if (each == '"' || each == '\\') {
          quoted.append('\\').append(each);
        } else if (each < ' ' || Character.isSurrogate(each)) {
          quoted.append(String.format("\\u%04x", (int) each));
        } else {
          quoted.append(each);
        }
      }
      return quoted.append('"').toString();
    }
  }
}
